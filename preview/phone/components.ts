import type * as glassEasel from 'glass-easel';
import { BUILTINS, COMMON, type Data, text } from './builtins.ts';
import { hearFields } from './fields.ts';

/** Gives the framework its built-in components. */
export function defineComponents(space: glassEasel.ComponentSpace): void {
  for (const [tag, { properties = {}, show, tapped }] of Object.entries(BUILTINS)) {
    const builder = space
      .define(`wx://${tag}`)
      .definition({ properties: { ...COMMON, ...properties } as glassEasel.typeUtils.PropertyList });
    const definition = (tag === 'input' ? builder.template(CHILDLESS) : builder)
      .init(({ self, lifetime, observer }) => {
        const component = self as unknown as glassEasel.GeneralComponent;
        const reflect = () => {
          const host = component.$$ as HTMLElement | null;
          // A page that was left may still hear of its data.
          if (!host) return;
          const { hidden, ariaLabel, ariaRole, hoverClass } = component.data as Data;
          host.hidden = !!hidden;
          if (ariaLabel && tag !== 'image') host.ariaLabel = text(ariaLabel);
          if (ariaRole) host.role = text(ariaRole);
          if (hoverClass) host.dataset['hover'] = text(hoverClass);
          show?.(host, component.data as Data);
        };
        lifetime('attached', reflect);
        observer('**', reflect);
        if (tapped) component.addListener('tap', () => tapped(component, component.data as Data));
      })
      .registerComponent();
    space.setGlobalUsingComponent(tag, definition.general());
  }
  hearFields();
}

/** The template of a component without children; the others have a slot. */
const CHILDLESS = { content: () => () => ({ C: () => {}, B: {} }) };
